internal import ChatEngine

extension SurfaceDescription {
    static let aivo = SurfaceDescription(
        name: "aivo", title: "AIVO Chat Service",
        summary: """
            Threaded message history per learner with privacy compliance. The token (JWT) says tenant, user, role and \
            the learners in scope; nothing crosses tenants. Every operation is there below /api/v1 and /chat/v1.
            """,
        security: [.init(name: "token", kind: .bearer)], schemas: requests + objects + privacy + service,
        operations: AIVOOperation.declarations)

    private static let learner = Schema.string(1...AIVOLimits.idCharacters).about("Any text; not only UUIDs.")
    private static let title = Schema.string(0...AIVOLimits.titleCharacters)
    private static let senderType = Schema.choice("teacher", "guardian", "student", "system", "assistant")
    private static let messageType = Schema.choice("text", "image", "file", "system", "alert")
    private static let exportType = Schema.choice("full", "metadata_only")
    private static let deletionType = Schema.choice("full", "messages_only", "threads_only")
    private static let status = Schema.choice("pending", "processing", "completed", "failed")

    private static let requests: [(name: String, Schema)] = [
        (
            "ThreadCreate",
            .object([
                .required("learner_id", learner), .required("title", title), .optional("description", .string.orNull),
                .optional("metadata", .anyObject.orNull),
            ])
        ),
        (
            "ThreadUpdate",
            .object([
                .optional("title", title.orNull), .optional("description", .string.orNull),
                .optional("metadata", .anyObject.orNull.about("Takes the place of all of it.")),
            ])
        ),
        (
            "MessageCreate",
            .object([
                .required("content", .string), .required("sender_type", senderType),
                .optional("message_type", messageType.defaulting(to: .string("text"))),
                .optional("metadata", .anyObject.orNull),
            ])
        ),
        (
            "MessageUpdate",
            .object([.optional("content", .string.orNull), .optional("metadata", .anyObject.orNull)])
        ),
        ("ExportRequest", .object([.required("learner_id", learner), .required("export_type", exportType)])),
        ("DeletionRequest", .object([.required("learner_id", learner), .required("deletion_type", deletionType)])),
    ]

    private static let objects: [(name: String, Schema)] = [
        (
            "Thread",
            .object([
                .required("id", .string), .required("tenant_id", .string), .required("learner_id", .string),
                .required("title", .string), .required("description", .string.orNull),
                .required("metadata", .anyObject), .required("created_by", .string), .required("created_at", .time),
                .required("updated_at", .time),
            ])
        ),
        (
            "ThreadList",
            .object([
                .required("threads", .array(of: .named("Thread"))), .required("total", .count),
                .required("limit", .integer), .required("offset", .count),
            ])
        ),
        (
            "Message",
            .object([
                .required("id", .string), .required("thread_id", .string), .required("content", .string),
                .required("sender_id", .string), .required("sender_type", senderType),
                .required("message_type", messageType), .required("metadata", .anyObject),
                .required("created_at", .time), .required("updated_at", .time.orNull),
            ])
        ),
        (
            "MessageList",
            .object([
                .required("messages", .array(of: .named("Message"))), .required("total", .count),
                .required("limit", .integer), .required("offset", .count),
            ])
        ),
        ("Confirmation", .object([.required("message", .string)])),
        ("Error", .object([.required("detail", .string)])),
        (
            "ValidationErrors",
            .object([
                .required(
                    "detail",
                    .array(
                        of: .object([
                            .required("type", .string), .required("loc", .array(of: .any)),
                            .required("msg", .string), .required("input", .any), .optional("ctx", .anyObject),
                        ])))
            ])
        ),
    ]

    private static let privacy: [(name: String, Schema)] = [
        (
            "ExportAccepted",
            .object([
                .required("export_id", .uuid), .required("status", status), .required("requested_at", .time),
            ])
        ),
        (
            "Export",
            .object([
                .required("export_id", .uuid), .required("status", status), .required("requested_at", .time),
                .required("tenant_id", .string), .required("learner_id", .string),
                .required("requested_by", .string), .required("export_type", exportType),
                .required("thread_count", .count), .required("message_count", .count),
                .required("completed_at", .time.orNull), .required("expires_at", .time.orNull),
                .required("size", .count.orNull.about("Bytes of the file.")),
                .required("available", .boolean.about("Whether the file can be downloaded.")),
            ])
        ),
        (
            "DeletionAccepted",
            .object([
                .required("deletion_id", .uuid), .required("status", status), .required("requested_at", .time),
            ])
        ),
        (
            "Deletion",
            .object([
                .required("deletion_id", .uuid), .required("status", status), .required("requested_at", .time),
                .required("tenant_id", .string), .required("learner_id", .string),
                .required("requested_by", .string), .required("deletion_type", deletionType),
                .required("thread_count", .count), .required("message_count", .count),
                .required("completed_at", .time.orNull.about("When no file held a byte of it any more.")),
            ])
        ),
        (
            "EventPage",
            .object([
                .required("events", .array(of: .anyObject)),
                .required("next", .count.about("`after` of the next page.")),
                .required("is_at_end", .boolean),
            ])
        ),
        (
            "PrivacyLog",
            .object([
                .required("entries", .array(of: Schema.any.about("An Export or a Deletion."))),
                .required("next", .string.orNull),
            ])
        ),
    ]

    private static let service: [(name: String, Schema)] = [
        (
            "Service",
            .object([
                .required("service", .string), .required("version", .string), .required("description", .string),
                .required("docs", .string.orNull), .required("health", .string),
                .required(
                    "features",
                    .object([
                        .required("privacy_compliance", .boolean), .required("rate_limiting", .boolean),
                        .required("message_retention", .string), .required("max_thread_messages", .count),
                    ])),
            ])
        ),
        (
            "Health",
            .object([
                .required("status", .choice("healthy", "degraded")), .required("service", .string),
                .required("instance", .string), .required("version", .string),
                .required("database", .choice("healthy", "unhealthy")), .required("tenant_isolated", .boolean),
                .required("privacy_compliant", .boolean), .required("environment", .string),
            ])
        ),
        ("ServiceHealth", .object([.required("status", .string), .required("service", .string)])),
    ]
}
