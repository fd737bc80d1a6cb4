//! What is wrong with a request, whatever it asks for, and what is wrong with the server.

error_codes! {
    MALFORMED_JSON = "malformed_json" [400],
        "The body is not JSON",
        "The request's body could not be read as one JSON value. `detail` says where reading stopped. Nothing was done.",
        "Send one JSON value in UTF-8. For a workflow's start it is an object with at least `type`; for signals and queries it is the payload itself, and an empty body stands for `null`.";
    INVALID_REQUEST = "invalid_request" [400, 422],
        "The request makes no sense",
        "A parameter, a header or a field of the body has the wrong type or a value that is not allowed; `detail` names it. With status 422 the request was understood, but this workflow cannot take it: the input or payload has another shape than its code declares, or the id is `.` or `..`, which cannot stand in a path. Nothing was done.",
        "Correct the named field. The OpenAPI document at `/api/v1/openapi.json` lists every parameter with its type. Sending the same request again gives the same answer.";
    IDEMPOTENCY_CONFLICT = "idempotency_conflict" [409],
        "The idempotency key was used with another request",
        "An earlier request carried the same `Idempotency-Key` and another body (for a signal or an update: another name or payload). The earlier request keeps its effect; this one had none.",
        "Use one key for one request and its repetitions, and a fresh key for everything else.";
    REASON_REQUIRED = "REASON_REQUIRED" [422],
        "A reason is needed",
        "What was asked for is a decision that others will look at later, and it came without its `reason`. Nothing was done.",
        "Send `{\"reason\": \"…\"}`.";
    PAYLOAD_TOO_LARGE = "payload_too_large" [413],
        "The body is too large",
        "The body, or one payload in it, is larger than the limit that `detail` names; or what was asked for, such as a query's result, is. Nothing was done.",
        "Store the data elsewhere and send a reference to it, or raise the server's limit.";
    SEARCH_ATTRIBUTE_TYPE = "search_attribute_type" [422],
        "The search attribute holds another type",
        "The worker declares a type for the search attribute, and the value is of another one; `detail` names both. Nothing was started.",
        "Send a value of the declared type, which `GET /api/v1/search-attributes` lists: `keyword` is a string, `datetime` an RFC 3339 string. An attribute that no worker declares takes any value.";
    UNSUPPORTED_SORT = "unsupported_sort" [400],
        "The list cannot be sorted by this",
        "No index serves the order that the parameter `sort` asks for, and the server does not sort a million runs in memory.",
        "Sort by `started_at`, `closed_at` or `attr.NAME` (a search attribute), with `-` in front for descending, and use filters for the rest.";
    UNAUTHENTICATED = "UNAUTHENTICATED" [401],
        "The server does not know who asks",
        "The server was started with tokens, and the request carries none, or one that it does not know. Nothing was done.",
        "Send `Authorization: Bearer <token>` (`--token` or `EVERSTEP_TOKEN` on the command line). `everstep token` makes a token and the entry for the server's token file.";
    UNAUTHORIZED = "UNAUTHORIZED" [403],
        "The caller may not do this",
        "The token is known, but its role is too small for the request, or it does not reach the namespace that the request is about; `detail` says which. Nothing was done.",
        "Use a token with the role that the OpenAPI document names for the route (`security`), and with the namespace among its own.";
    HOST_NOT_ALLOWED = "host_not_allowed" [403],
        "The Host header is not this server's",
        "The server listens on loopback only, and the request names another host. That is how a web page that rebinds its DNS name to this machine looks.",
        "Address the server as `localhost`, `127.0.0.1` or `[::1]`.";
    ORIGIN_NOT_ALLOWED = "origin_not_allowed" [403],
        "A page of another origin sent this",
        "A browser sent a request that changes something on behalf of a page from another origin. Nothing was done.",
        "Send such requests from the inspector, from a page that this server serves, or from a program.";
    ROUTE_NOT_FOUND = "route_not_found" [404],
        "No such route",
        "The path names nothing that this server serves.",
        "Compare the path with the OpenAPI document at `/api/v1/openapi.json`. Ids in a path are percent-encoded, `/` as `%2F`.";
    METHOD_NOT_ALLOWED = "method_not_allowed" [405],
        "The route does not take this method",
        "The path exists, but not with this HTTP method. The header `Allow` lists the methods that it takes.",
        "Use one of them.";
    REQUEST_TIMEOUT = "request_timeout" [408],
        "The body did not arrive in time",
        "The server waited for the rest of the request's body and gave up. Nothing was done.",
        "Send the request again; if it happens often, look at the network or at the client's upload.";
    UNAVAILABLE = "unavailable" [503],
        "The server cannot take this now",
        "The server is starting, shutting down, out of disk space or has stopped its store; `detail` says which. Nothing was done.",
        "Try again after the number of seconds in `Retry-After`. `/health/ready` says when the server takes requests again.";
    OUTCOME_UNKNOWN = "outcome_unknown" [503],
        "Whether it happened is not known",
        "The store stopped in the middle of the commit, so the server cannot say whether the request took effect.",
        "Send the request again with the same `Idempotency-Key` (or the same workflow id) once the server is back: it takes effect once.";
    CORRUPT = "corrupt" [500],
        "Stored data cannot be read",
        "What the store holds for this workflow cannot be read. The fault is the server's, not the request's.",
        "Look at the server's log, which names the record, and restore the data directory from a backup if the disk is damaged.";
    INTERNAL_ERROR = "internal_error" [500],
        "The server failed",
        "The server's own code failed while it answered. The fault is the server's, not the request's.",
        "Look at the server's log, and report what it says.";
}
