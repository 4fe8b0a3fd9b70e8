//! Credentials: where they come from ([`sources`]), how they are read ([`acquire`], the only part
//! that waits), and where they go in a request ([`placement`]).

pub mod acquire;
pub mod placement;
pub mod sources;
