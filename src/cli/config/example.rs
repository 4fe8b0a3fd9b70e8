//! The commented example that `--generate config` prints.

/// Every line of it is a comment; without the `#` at their beginning, its lines are a configuration.
pub const EXAMPLE: &str = include_str!("example.toml");
