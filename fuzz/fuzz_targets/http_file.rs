#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| wirecat_fuzz::files::http_file(input));
