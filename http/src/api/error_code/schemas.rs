//! Schemas of events, and their versions.

error_codes! {
    SCHEMA_NOT_FOUND = "SCHEMA_NOT_FOUND" [404],
        "No such schema",
        "No schema is registered for the event type, or not in this version; `detail` lists those that are.",
        "Check the spelling, or register the schema.";
    SCHEMA_VALIDATION_FAILED = "SCHEMA_VALIDATION_FAILED" [422],
        "The payload is not what its schema says",
        "`field` names the first field that is at fault, `detail` what was expected and what was found. Nothing was stored.",
        "Correct the field, or register a version of the schema that allows it.";
    INVALID_SCHEMA = "INVALID_SCHEMA" [422],
        "This is no schema",
        "A keyword is not understood, or has the wrong form; `detail` names the place. Nothing was registered.",
        "Use the part of JSON Schema that the guide lists.";
    SCHEMA_CONFLICT = "SCHEMA_CONFLICT" [409],
        "The version cannot be registered",
        "The version is registered with another schema, or a newer one is registered already. Nothing was registered.",
        "Register the schema under a version above the newest.";
    BREAKING_CHANGE = "BREAKING_CHANGE" [409],
        "The schema breaks its promise",
        "The new version cannot read what an older one wrote, or the other way, although its compatibility promises it. `detail` names the fields, and the migration that would mend it. Nothing was registered.",
        "Make the new field optional or give it a default, declare the version with the migration in the worker, or register it with another compatibility.";
    NO_MIGRATION_PATH = "NO_MIGRATION_PATH" [422],
        "No migration leads there",
        "No chain of casts leads from the one version to the other, and the one schema does not read the other.",
        "Declare the up- or downcaster that `detail` names.";
    MIGRATION_FAILED = "MIGRATION_FAILED" [422],
        "A migration refused the payload",
        "A cast could not migrate the payload; `detail` says why. What is stored is unchanged.",
        "Correct the cast, or the payload.";
    SCHEMA_MISMATCH = "SCHEMA_MISMATCH" [422],
        "A consumer cannot read what is written",
        "The consumer expects a version that the written one does not lead to.",
        "Register the downcaster that `detail` names, or let the consumer read the newer version.";
    TOO_FEW_SAMPLES = "TOO_FEW_SAMPLES" [422],
        "The schema has too few values",
        "Fewer different valid payloads exist than samples were asked for.",
        "Ask for fewer, or see whether the schema allows anything at all.";
}
