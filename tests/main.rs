//! The one integration binary: a module per feature, everything in this process.

mod serve;
