Feature: Rebuilding a projection

  Notes about accounts and their projections; see the conformance worker's `notes`.

  Rule: A rebuild goes on behind its last chunk

    @RPL-1
    Scenario: Every event counts once, wherever the process dies
      Given a server of its own
      And 3000 notes about 7 accounts
      When "notesVeryComplex" is rebuilt while the server is killed 12 times
      Then the answer's "status" is "completed"
      And the answer's "events_processed" is 3000
      And the answer's "chunks_completed" is 300
      And the answer's "total_events" is 3000
      And the answer's "last_position" is 3000
      When I GET "/api/v1/projections/notesVeryComplex/rows/all"
      Then the answer's "state" is 3000

    @RPL-1
    Scenario: There is nothing to take in
      When I POST "/api/v1/projections/accountNotes/rebuild"
      Then the answer is 202
      And the rebuild of "accountNotes" ends
      And the answer's "status" is "completed"
      And the answer's "events_processed" is 0
      And the answer's "percent_complete" is 100.0

  Rule: Rebuilds have a small queue of their own

    @RPL-2
    Scenario: At most five at once, with the lowest priority, one a projection
      Given 100 notes about 2 accounts
      When I PUT "/api/v1/queues/everstep.replay" with
        """
        {"paused": true}
        """
      And I POST "/api/v1/projections/accountNotes/rebuild"
      Then the answer is 202
      And the answer's "status" is "running"
      When I POST "/api/v1/projections/accountNotes/rebuild"
      Then the answer is 409 "REPLAY_ALREADY_ACTIVE"
      When I POST "/api/v1/projections/notesMedium/rebuild"
      Then the answer is 202
      When I GET "/api/v1/rebuilds?status=active"
      Then the answer's "rebuilds" has 2 elements
      # Live work meets none of it.
      Given 1 notes about 1 accounts
      When I GET "/api/v1/projections/accountNotes/rows/account-0"
      Then the answer's "state.count" is 51
      When I DELETE "/api/v1/queues/everstep.replay"
      Then the answer's "limits.concurrency" is 5
      And the rebuild of "accountNotes" ends
      And the answer's "events_processed" is 101
      And the rebuild of "notesMedium" ends
      And the answer's "status" is "completed"

  Rule: Events are taken in by the chunk

    @RPL-3
    Scenario Outline: How large a chunk is follows from what the projection declares
      Given 250 notes about 5 accounts
      When I POST "/api/v1/projections/<name>/rebuild"
      Then the answer's "chunk_size" is <size>
      And the rebuild of "<name>" ends
      And the answer's "chunks_completed" is <chunks>
      And the answer's "events_processed" is 250

      Examples:
        | name             | size | chunks |
        | accountNotes     | 100  | 3      |
        | notesMedium      | 50   | 5      |
        | notesComplex     | 25   | 10     |
        | notesVeryComplex | 10   | 25     |

  Rule: A rebuild says how far it is

    @RPL-4
    Scenario: Before, while it waits, and when it is over
      Given 200 notes about 2 accounts
      When I GET "/api/v1/projections/accountNotes/rebuild"
      Then the answer is 404 "REPLAY_NOT_FOUND"
      When I PUT "/api/v1/queues/everstep.replay" with
        """
        {"paused": true}
        """
      And I POST "/api/v1/projections/accountNotes/rebuild"
      Then the answer's "total_events" is 200
      And the answer's "percent_complete" is 0.0
      And the answer has a "replay_id"
      # How it is kept goes on beside it.
      And "accountNotes" is current
      And the answer's "rebuild.status" is "running"
      When I DELETE "/api/v1/queues/everstep.replay"
      And the rebuild of "accountNotes" ends
      Then the answer's "percent_complete" is 100.0
      And the answer has a "completed_at"
      And the answer has no "estimated_remaining_ms"
      And the answer has no "error"

  Rule: Admins alone steer rebuilds

    @RPL-5
    Scenario: Pause, resume and cancel; the rows of before are read until all new ones are there
      Given 300 notes about 3 accounts
      When I POST "/api/v1/projections/accountNotes/rebuild/pause"
      Then the answer is 404 "REPLAY_NOT_FOUND"
      When I PUT "/api/v1/queues/everstep.replay" with
        """
        {"paused": true}
        """
      And I POST "/api/v1/projections/accountNotes/rebuild"
      And I POST "/api/v1/projections/accountNotes/rebuild/pause"
      Then the answer's "status" is "paused"
      When I POST "/api/v1/projections/accountNotes/rebuild/pause"
      Then the answer is 409 "REPLAY_NOT_RUNNING"
      And the notes of 3 accounts hold 300 notes in order
      When I DELETE "/api/v1/queues/everstep.replay"
      And I POST "/api/v1/projections/accountNotes/rebuild/resume"
      Then the answer's "status" is "running"
      And the rebuild of "accountNotes" ends
      And the answer's "events_processed" is 300
      And the notes of 3 accounts hold 300 notes in order
      When I POST "/api/v1/projections/accountNotes/rebuild/cancel"
      Then the answer is 409 "REPLAY_NOT_RUNNING"

    @RPL-5
    Scenario: What was cancelled leaves the rows of before
      Given 300 notes about 3 accounts
      When I PUT "/api/v1/queues/everstep.replay" with
        """
        {"paused": true}
        """
      And I POST "/api/v1/projections/accountNotes/rebuild"
      And I POST "/api/v1/projections/accountNotes/rebuild/cancel"
      Then the answer's "status" is "cancelled"
      And the answer's "events_processed" is 0
      And the answer's "events_processed_before_cancel" is 0
      When I DELETE "/api/v1/queues/everstep.replay"
      Then the notes of 3 accounts hold 300 notes in order
      When I POST "/api/v1/projections/accountNotes/rebuild"
      Then the answer is 202
      And the rebuild of "accountNotes" ends
      And the notes of 3 accounts hold 300 notes in order

    @RPL-5
    Scenario Outline: Nobody else is let in
      Given a server of its own with tokens
      When I <method> as <role> "<path>"
      Then the answer is 403

      Examples:
        | method | role     | path                                            |
        | POST   | app      | /api/v1/projections/accountNotes/rebuild        |
        | POST   | operator | /api/v1/projections/accountNotes/rebuild        |
        | GET    | operator | /api/v1/projections/accountNotes/rebuild        |
        | POST   | operator | /api/v1/projections/accountNotes/rebuild/pause  |
        | POST   | operator | /api/v1/projections/accountNotes/rebuild/resume |
        | POST   | operator | /api/v1/projections/accountNotes/rebuild/cancel |
        | GET    | operator | /api/v1/rebuilds                                |

    @RPL-5
    Scenario: A reader never meets half of the rows
      Given 2000 notes about 5 accounts
      When "accountNotes" is rebuilt 5 times while somebody reads all of its rows
      Then every reading held 5 accounts with 2000 notes
