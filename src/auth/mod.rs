//! Credentials: where they come from ([`sources`]), how they are read ([`acquire`], the only part
//! that waits), where they go in a request ([`placement`]), and a request that is only shown
//! ([`preview`]); signatures of AWS ([`sigv4`]); logins by host ([`netrc`]), and the cookies of a run ([`cookies`]).

pub mod acquire;
pub mod cookies;
pub mod netrc;
pub mod placement;
pub mod preview;
pub mod sigv4;
pub mod sources;
