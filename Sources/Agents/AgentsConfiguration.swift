/// What the operator says about the agents. The fields are named after the environment variables of poc.md 15.
package struct AgentsConfiguration: Sendable {
    /// BANKING_SERVICE_URL: an HTTP agent; nil for the built-in one. So for the next three.
    package var bankingServiceURL: String?
    package var nlpServiceURL: String?
    package var nluServiceURL: String?
    /// MCP_SERVICE_URL: a Model Context Protocol server if its path ends in `/mcp`.
    package var mcpServiceURL: String?

    /// AGENT_RESPONSE_TIMEOUT: for one try, in milliseconds. What is left of the turn's budget counts if it is less.
    package var agentResponseTimeout = 30_000
    /// AGENT_RETRY_ATTEMPTS: tries after the first.
    package var agentRetryAttempts = 1
    /// AGENT_FALLBACK_ENABLED: whether human-escalation is active.
    package var agentFallbackEnabled = false
    /// DEFAULT_AGENT: the id of who answers what nobody was selected for.
    package var defaultAgent = AgentName.banking.id
    /// NLU_FALLBACK_ENABLED: whether the keyword intents of 11.3 stand in for an nlu that does not answer.
    package var nluFallbackEnabled = true

    /// What all HTTP agents of a turn may take together, in milliseconds. Half of it is for nlp and nlu.
    package var turnBudgetMilliseconds = 5000
    /// Failures in a row after which an agent is left alone, and for how long.
    package var breakerFailures = 5
    package var breakerOpenMilliseconds = 60_000
    /// What a reply of an HTTP agent may have.
    package var replyBytes = 1 << 20

    /// Hears of failed steps; must not block.
    package var log: @Sendable (AgentEvent) -> Void = { _ in }

    package init() {}
}

/// Something for the operator's log.
package struct AgentEvent: Hashable, Sendable {
    /// The agent's id.
    package var agent: String
    package var message: String
}
