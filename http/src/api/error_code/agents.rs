//! Agents, and what somebody decides about them.

error_codes! {
    AGENT_NOT_FOUND = "AGENT_NOT_FOUND" [404],
        "The agent does not exist",
        "No agent of this id is registered with the server's worker. Nothing was done.",
        "Check the id; `GET /api/v1/agents` lists those that there are.";
    AGENT_RECORD_NOT_FOUND = "AGENT_RECORD_NOT_FOUND" [404],
        "There is no such record of an agent",
        "No approval, command, dead letter or thread has this id in this namespace. Nothing was done.",
        "Take the id from the list that it stands in.";
    APPROVAL_EXPIRED = "APPROVAL_EXPIRED" [409],
        "The approval has expired",
        "Nobody decided before `expiresAt`, so what the agent would have done is off. Nothing was done.",
        "The next event of the same kind leads to another approval; to have more time, give the agent a longer `approvalTimeout`.";
    APPROVAL_ALREADY_DECIDED = "APPROVAL_ALREADY_DECIDED" [409],
        "Somebody decided before",
        "The approval was approved or rejected already; `detail` says by whom. Nothing was done.",
        "There is nothing to do. What became of it stands in the approval and in the agent's decisions.";
    INVALID_LIFECYCLE_TRANSITION = "INVALID_LIFECYCLE_TRANSITION" [409],
        "The agent's status does not allow it",
        "The agent is in a status from which this does not lead: only a stopped agent is started, only a paused or resting one resumed. Nothing was done.",
        "Look at the agent's `checkpoint.status`, and ask for what it allows.";
    AGENT_DEAD_LETTER_REFUSED = "AGENT_DEAD_LETTER_REFUSED" [409],
        "The dead letter is as it was",
        "It was replayed and went wrong again, or it is not pending; `detail` says which. A replay that went wrong leaves it pending.",
        "Mend what `detail` names and replay it again, or ignore it with a reason.";
}
