//! The integration tests: one binary, a file per feature.

mod support;

#[cfg(unix)]
mod answers;
#[cfg(unix)]
mod answers_prompt;
mod architecture;
mod auth;
mod backpressure;
mod check;
mod chunks;
#[cfg(target_os = "linux")]
mod components;
#[cfg(unix)]
mod computed_url;
#[cfg(unix)]
mod config;
mod convert;
mod cookies;
#[cfg(unix)]
mod day;
mod decoding;
mod decoding_commands;
mod decoding_hostile;
mod doing;
mod down;
mod dry_run;
mod editing;
mod encoding_commands;
mod endpoints;
mod endpoints_every;
mod endpoints_more;
mod endpoints_peers;
mod ends;
mod examples;
mod exchanges;
mod expressions;
mod faults;
mod fragments;
mod frames;
mod from_curl;
mod generated;
mod guard;
mod handshake;
#[cfg(target_os = "linux")]
mod har_roundtrips;
mod heartbeat;
mod history;
mod hostile;
mod http2;
mod hub;
mod hub_db;
#[cfg(unix)]
mod hub_ends;
mod hub_hostile;
mod hub_kills;
#[cfg(unix)]
mod hub_names;
#[cfg(target_os = "linux")]
mod hub_redis;
mod interactive;
mod interop;
#[cfg(target_os = "linux")]
mod jobs;
mod killable;
mod leaving;
mod limits;
#[cfg(unix)]
mod listen;
mod listen_prompt;
#[cfg(target_os = "linux")]
mod names;
#[cfg(unix)]
mod order;
mod output;
mod page;
mod peers;
mod pipe;
#[cfg(unix)]
mod profiles;
#[cfg(target_os = "linux")]
mod programs;
#[cfg(target_os = "linux")]
mod programs_ends;
#[cfg(target_os = "linux")]
mod programs_exec;
#[cfg(target_os = "linux")]
mod programs_hostile;
#[cfg(target_os = "linux")]
mod programs_listen;
#[cfg(target_os = "linux")]
mod programs_secrets;
mod prompt;
mod prompt_exits;
mod prompt_hostile;
mod prompt_messages;
mod prompt_plain;
#[cfg(unix)]
mod prompt_programs;
mod prompt_screen;
mod proxies;
mod proxies_hostile;
mod proxy;
mod reading;
mod reading_stream;
mod readme;
mod reconnect;
mod reconnect_kills;
#[cfg(unix)]
mod record;
mod records;
mod redirects;
mod refused;
#[cfg(unix)]
mod replay;
mod resume;
#[cfg(unix)]
mod saving;
mod screens;
mod secrets;
mod serve;
#[cfg(unix)]
mod serve_http2;
#[cfg(unix)]
mod serve_listen;
#[cfg(unix)]
mod serve_log;
#[cfg(unix)]
mod serve_tls;
mod signals;
mod sigv4;
mod silence;
mod stalled;
mod staying;
mod stopping;
#[cfg(unix)]
mod suite;
#[cfg(target_os = "linux")]
mod suite_hostile;
#[cfg(unix)]
mod suite_http;
#[cfg(target_os = "linux")]
mod suite_load;
#[cfg(unix)]
mod suite_secrets;
mod terminal;
mod tls;
mod tls_faults;
#[cfg(unix)]
mod tls_options;
mod trace;
mod wire;
#[cfg(unix)]
mod writing;
