//! The event hub at `/events`: users with tokens, rooms, presence, messages with ids, and what a client
//! missed while it was away.

pub(in crate::serve) mod store;
