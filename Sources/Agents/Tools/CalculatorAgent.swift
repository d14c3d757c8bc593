internal import ChatEngine

/// The built-in mcp agent: one tool, the calculator.
struct CalculatorAgent: Agent {
    static let confidence = 0.95

    func process(
        _ request: AgentRequest, within milliseconds: Int,
        completion: @escaping @Sendable (Result<JSONObject, AgentFailure>) -> Void
    ) -> Cancellation {
        completion(.success(Self.reply(request)))
        return .none
    }

    /// No reply if there is nothing to calculate and nobody asked for it.
    private static func reply(_ request: AgentRequest) -> JSONObject {
        do throws(Calculator.Failure) {
            let answer = try Calculator.answer(request.turn.text)
            let equals = answer.isExact ? "=" : "≈"
            return said(
                "\(answer.expression) \(equals) \(answer.result)",
                ["expression": .string(answer.expression), "result": .string(answer.result)])
        } catch {
            if error == .noExpression, !request.analysis.normalized.contains("calculate") { return [:] }
            return said(error.spoken, [:])
        }
    }

    private static func said(_ text: String, _ data: JSONObject) -> JSONObject {
        [
            "response": .string(text), "confidence": .number(confidence),
            "toolsUsed": .array([.string("calculator")]), "dataRetrieved": .object(data),
        ]
    }
}
