// swift-tools-version: 6.2
import PackageDescription

// A package of its own: nothing here is built or needed by the product.
let package = Package(
    name: "benchmarks",
    targets: [
        .executableTarget(
            name: "log-preallocation",
            swiftSettings: [.swiftLanguageMode(.v6), .treatAllWarnings(as: .error)]
        )
    ]
)
