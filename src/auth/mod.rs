//! Credentials: where they come from ([`sources`]), how they are read ([`acquire`], the only part
//! that waits), and where they go in a request ([`placement`]); logins by host ([`netrc`]), and the
//! cookies of a run ([`cookies`]).

pub mod acquire;
pub mod cookies;
pub mod netrc;
pub mod placement;
pub mod sources;
