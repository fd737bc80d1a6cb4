//! Namespaces and backups.

error_codes! {
    NAMESPACE_NOT_FOUND = "namespace_not_found" [404],
        "The namespace does not exist",
        "The parameter `namespace` names none of this server's namespaces. Nothing was done.",
        "Check the spelling, or create it with `POST /api/v1/namespaces`.";
    NAMESPACE_ALREADY_EXISTS = "namespace_already_exists" [409],
        "The namespace exists already",
        "There is a namespace of this name. Nothing was changed.",
        "Change it with `PUT /api/v1/namespaces/{name}`.";
    NAMESPACE_NOT_EMPTY = "namespace_not_empty" [409],
        "The namespace holds runs",
        "Only an empty namespace can be deleted, and `default` never. Nothing was deleted.",
        "Terminate and delete its runs, or give it a short retention and wait.";
    BACKUP_REFUSED = "backup_refused" [409],
        "The backup cannot be made now",
        "The directory that was named exists already, or another backup is being made. Nothing was written.",
        "Name a directory that does not exist, or wait for the other backup's end.";
    BACKUP_FAILED = "backup_failed" [422],
        "The backup could not be written",
        "The server's machine refused to write where the backup was to go; `detail` says why. No backup was made, and what had been written was taken away.",
        "Name a directory on a disk with enough room that the server's user may write to.";
}
