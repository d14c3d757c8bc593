// swift-tools-version: 6.2
import PackageDescription

/// Settings every Swift target of the product shares (docs/ARCHITECTURE.md, "Settings").
let common: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableUpcomingFeature("InferIsolatedConformances"),
    .enableExperimentalFeature("Lifetimes"),
    .treatAllWarnings(as: .error),
]

/// The modules that hold raw memory also mark every unsafe use.
let strict: [SwiftSetting] = common + [.strictMemorySafety()]

let package = Package(
    name: "chat-server",
    products: [
        .executable(name: "chat-server", targets: ["chat-server"])
    ],
    traits: [
        .trait(name: "Kafka", description: "Publishes events to Kafka by librdkafka."),
        .trait(name: "Upstream", description: "Asks models and calls webhooks by libcurl."),
        .default(enabledTraits: ["Kafka", "Upstream"]),
    ],
    targets: [
        // C libraries: a module map and a shim.h of static inline helpers, no logic.
        .systemLibrary(name: "CLinux"),
        .systemLibrary(name: "CLZ4", providers: [.apt(["liblz4-dev"])]),
        .systemLibrary(name: "CXXHash", providers: [.apt(["libxxhash-dev"])]),
        .systemLibrary(name: "CMicroHTTPD", providers: [.apt(["libmicrohttpd-dev"])]),
        .systemLibrary(name: "CGnuTLS", providers: [.apt(["libgnutls28-dev"])]),
        .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CCurl", providers: [.apt(["libcurl4-gnutls-dev"])]),
        .systemLibrary(name: "CRdKafka", providers: [.apt(["librdkafka-dev"])]),
        .systemLibrary(name: "CWslay", providers: [.apt(["libwslay-dev"])]),
        // No library but a few files, embedded: what /docs shows documentation with.
        .target(name: "CSwaggerUI", cSettings: [.headerSearchPath("../../.assets/swagger-ui")]),
        .systemLibrary(name: "CSQLite", path: "Tests/CSQLite", providers: [.apt(["libsqlite3-dev"])]),

        // The product, lowest first; an import points down this list only.
        .target(
            name: "LogStore",
            dependencies: ["CLinux", "CLZ4", "CXXHash"],
            swiftSettings: strict,
            linkerSettings: [.linkedLibrary(":liblz4.a")]
        ),
        .target(
            name: "HTTPTransport",
            dependencies: ["CMicroHTTPD", "CGnuTLS", "CZlib"],
            swiftSettings: strict,
            linkerSettings: [
                .linkedLibrary(":libmicrohttpd.a"), .linkedLibrary("gnutls"), .linkedLibrary(":libz.a"),
            ]
        ),
        // Debian has no static archive of wslay.
        .target(
            name: "SocketIO",
            dependencies: ["HTTPTransport", "CWslay"],
            swiftSettings: strict,
            linkerSettings: [.linkedLibrary("wslay")]
        ),
        .target(
            name: "ChatEngine", dependencies: ["LogStore", "CGnuTLS"], swiftSettings: common,
            linkerSettings: [.linkedLibrary("gnutls")]),
        .target(
            name: "Upstream", dependencies: [.target(name: "CCurl", condition: .when(traits: ["Upstream"]))],
            swiftSettings: common, linkerSettings: [.linkedLibrary("curl-gnutls", .when(traits: ["Upstream"]))]),
        .target(name: "Agents", dependencies: ["ChatEngine", "Upstream"], swiftSettings: common),
        .target(
            name: "Kafka", dependencies: [.target(name: "CRdKafka", condition: .when(traits: ["Kafka"]))],
            swiftSettings: common, linkerSettings: [.linkedLibrary("rdkafka", .when(traits: ["Kafka"]))]),
        .target(
            name: "Events", dependencies: ["ChatEngine", "HTTPTransport", "Kafka", "LogStore", "Upstream"],
            swiftSettings: common),
        .target(
            name: "ChatAPI",
            dependencies: ["Agents", "ChatEngine", "HTTPTransport", "SocketIO", "Upstream", "CSwaggerUI"],
            swiftSettings: common),
        .executableTarget(
            name: "chat-server",
            dependencies: [
                "Agents", "ChatAPI", "ChatEngine", "Events", "HTTPTransport", "LogStore", "Upstream", "CLinux",
            ],
            swiftSettings: common
        ),

        // Tests mirror Sources.
        .target(
            name: "TestSupport",
            dependencies: ["LogStore", "HTTPTransport"],
            path: "Tests/Support",
            swiftSettings: common
        ),
        .testTarget(
            name: "LogStoreTests", dependencies: ["LogStore", "TestSupport", "CSQLite"], swiftSettings: common),
        .testTarget(name: "ChatEngineTests", dependencies: ["ChatEngine", "TestSupport"], swiftSettings: common),
        .testTarget(
            name: "HTTPTransportTests", dependencies: ["HTTPTransport", "TestSupport"], swiftSettings: common),
        .testTarget(
            name: "SocketIOTests", dependencies: ["SocketIO", "HTTPTransport", "TestSupport"], swiftSettings: common),
        .testTarget(
            name: "AgentsTests", dependencies: ["Agents", "ChatEngine", "HTTPTransport", "TestSupport", "Upstream"],
            swiftSettings: common),
        .testTarget(
            name: "ChatAPITests",
            dependencies: ["Agents", "ChatAPI", "ChatEngine", "HTTPTransport", "TestSupport", "Upstream"],
            swiftSettings: common),
        .testTarget(
            name: "EventsTests",
            dependencies: [
                "Events", "Kafka", "ChatEngine", "LogStore", "Upstream", "HTTPTransport", "TestSupport",
                .target(name: "CRdKafka", condition: .when(traits: ["Kafka"])),
            ],
            swiftSettings: common),
        .testTarget(
            name: "ChatServerTests",
            dependencies: ["chat-server", "ChatAPI", "ChatEngine", "HTTPTransport", "LogStore", "TestSupport"],
            swiftSettings: common),
        .testTarget(name: "TidyTests", swiftSettings: common),
    ]
)

// Programs that are no part of the product. They see what is `package`, so they are targets of this package, but only
// `make tools`, `make fuzz` and `make conformance` ask for them: an ordinary build knows nothing of them.
if let tools = Context.environment["CHAT_TOOLS"] {
    if tools == "benchmarks" {
        package.targets += [
            .executableTarget(
                name: "log-preallocation", path: "Benchmarks/log-preallocation",
                swiftSettings: [.swiftLanguageMode(.v6), .treatAllWarnings(as: .error)]),
            .executableTarget(
                name: "stream-benchmark", dependencies: ["ChatAPI", "TestSupport", "CMicroHTTPD"],
                path: "Benchmarks/stream-benchmark",
                swiftSettings: common),
            .executableTarget(
                name: "socket-load", dependencies: ["TestSupport", "CMicroHTTPD"], path: "Benchmarks/socket-load",
                swiftSettings: common),
            .executableTarget(
                name: "agents-benchmark", dependencies: ["Agents", "ChatEngine", "LogStore", "TestSupport"],
                path: "Benchmarks/agents-benchmark", swiftSettings: common),
            .target(
                name: "BenchmarkSupport", dependencies: ["LogStore", "TestSupport"], path: "Benchmarks/Support",
                swiftSettings: common),
            .executableTarget(
                name: "store-benchmark", dependencies: ["BenchmarkSupport", "LogStore", "TestSupport"],
                path: "Benchmarks/store-benchmark", swiftSettings: common),
            // The peers' libraries are linked into these programs only.
            .systemLibrary(name: "CRocksDB", path: "Benchmarks/CRocksDB"),
            .systemLibrary(name: "CLMDB", path: "Benchmarks/CLMDB"),
            .target(name: "CSyncCounter", path: "Benchmarks/CSyncCounter"),
            .executableTarget(
                name: "engine-benchmark",
                dependencies: [
                    "BenchmarkSupport", "LogStore", "TestSupport", "CRocksDB", "CLMDB", "CSQLite", "CSyncCounter",
                ],
                path: "Benchmarks/engine-benchmark", swiftSettings: common),
            .executableTarget(
                name: "core-loops",
                dependencies: [
                    "BenchmarkSupport", "ChatAPI", "ChatEngine", "HTTPTransport", "LogStore", "TestSupport",
                ],
                path: "Benchmarks/core-loops", swiftSettings: common),
            .executableTarget(
                name: "socket-benchmark", dependencies: ["BenchmarkSupport", "SocketIO", "HTTPTransport", "CLinux"],
                path: "Benchmarks/socket-benchmark", swiftSettings: common),
        ]
    }
    if tools == "conformance" {
        package.targets += [
            .executableTarget(
                name: "conformance-server", dependencies: ["SocketIO", "HTTPTransport"],
                path: "Tests/Conformance/Server", swiftSettings: common),
            .executableTarget(
                name: "event-source", dependencies: ["ChatEngine", "LogStore"],
                path: "Tests/Conformance/EventSource", swiftSettings: common),
            .executableTarget(
                name: "agents-client", dependencies: ["Agents", "ChatEngine", "LogStore", "TestSupport"],
                path: "Tests/Conformance/Agents", swiftSettings: common),
        ]
    }
    if tools == "fuzz" {
        package.targets += [
            .executableTarget(
                name: "store-fuzz", dependencies: ["LogStore", "TestSupport"],
                path: "Tests/Fuzz/store-fuzz", swiftSettings: common)
        ]
    }
}
