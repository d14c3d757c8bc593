internal import ChatEngine
internal import HTTPTransport
internal import LogStore

/// One request on its route: what middleware found out, and the operations. Fields are checked before sessions, and
/// nothing is changed before all of them have passed.
struct POCCall: Sendable {
    let surface: POCSurface
    let request: Request
    let exchange: any Exchange
    let requestID: String
    let caller: POCCaller
    let body: POCBody
    let parameters: PathParameters

    var engine: ChatEngine { surface.engine }
    var configuration: POCConfiguration { surface.configuration }
    var objects: POCObjects { surface.turns.objects }

    func perform(_ operation: POCOperation) {
        do throws(POCReply) {
            switch operation {
            case .describeService: describeService()
            case .getHealth: health()
            case .getHealthStatus: healthStatus()
            case .getHealthMetrics: healthMetrics()
            case .login: try login()
            case .issueToken: try issueToken()
            case .refreshToken: try refreshToken()
            case .validateToken: try validateToken()
            case .logout: logout()
            case .getAuthenticationStatus: authenticationStatus()
            case .createSession: try createSession()
            case .getSession: getSession()
            case .endSession: try endSession()
            case .listUserSessions: try listUserSessions()
            case .resumeSession: resumeSession()
            case .resolveSession: resolveSession()
            case .sendMessage: try sendMessage()
            case .chat: try chat()
            case .getChatHistory: try chatHistory()
            case .getSessionHistory: try history(of: sessionID)
            case .listAgents: listAgents()
            case .processMessage: try processMessage()
            }
        } catch {
            answer(error)
        }
    }

    /// The one in the path.
    var sessionID: String { parameters["sessionId"] ?? "" }

    /// Ids that are longer than any that was ever given out need no look at the store.
    static func canBeSession(_ id: String) -> Bool { !id.isEmpty && id.utf8.count <= 255 && !id.utf8.contains(0) }

    func answer(_ reply: POCReply) {
        reply.send(request, exchange, at: engine.clock.now(), requestID: requestID)
    }

    func answer(_ error: ChatError, session: String, failure: String) {
        answer(POCReply(error, session: session, failure: failure, log: configuration.log))
    }
}
