//! Whether a line for the shell holds a secret that is written out: the value of an option or variable, a
//! header or login of curl, a URL, a member of JSON. Pure. It refuses only what is a secret without
//! doubt, as a command may be anything; what `$` takes from elsewhere is none.

use super::message;
use super::url;
use crate::auth::sources::Source;
use crate::secret::is_secret_header;
use crate::template;

/// Names of options and variables end with one of these, in lower case without `-` and `_`. A `--secret`
/// or `--key` often names one that is kept elsewhere.
const NAMES: &[&str] = &[
    "token",
    "password",
    "passwd",
    "passphrase",
    "apikey",
    "secretkey",
    "secretaccesskey",
    "clientsecret",
];

/// Programs of which `-u` is a login.
const CLIENTS: &[&str] = &["curl", "wirecat"];

/// What in the command is a secret, if something is.
pub(super) fn secret_in(command: &str) -> Option<String> {
    let words = words(command);
    let mut before = "";
    let mut is_client = false;
    for word in &words {
        let found = in_word(word)
            .or_else(|| in_option(before, word))
            .or_else(|| in_header(before, word))
            .or_else(|| is_client.then(|| in_login(before, word)).flatten());
        if found.is_some() {
            return found;
        }
        let program = word.rsplit('/').next().unwrap_or_default();
        is_client |= CLIENTS.contains(&program);
        before = word;
    }
    None
}

/// `NAME=VALUE`, a URL, or JSON.
fn in_word(word: &str) -> Option<String> {
    if let Some((name, value)) = word.split_once('=')
        && names_secret(name)
        && is_written_out(value)
    {
        return Some(format!("'{name}' in this command"));
    }
    if word.contains("://")
        && let Some(secret) = url::secret_in(word, &is_written_out)
    {
        return Some(format!("{secret} of a URL in this command"));
    }
    let member = message::in_json(word, &is_written_out)?;
    Some(format!("the member '{member}' in this command"))
}

/// `--token VALUE`
fn in_option(option: &str, value: &str) -> Option<String> {
    let is_secret = option.starts_with('-') && names_secret(option);
    let is_value = !value.starts_with('-') && is_written_out(value);
    (is_secret && is_value).then(|| format!("the value of '{option}' in this command"))
}

/// `-H 'Authorization: VALUE'`
fn in_header(option: &str, word: &str) -> Option<String> {
    let attached = word.strip_prefix("-H").or(word.strip_prefix("--header="));
    let line = match option {
        "-H" | "--header" => word,
        _ => attached?,
    };
    let (name, value) = line.split_once(':')?;
    let is_secret = is_secret_header(name.trim()) && is_written_out(value.trim());
    is_secret.then(|| format!("the header '{}' in this command", name.trim()))
}

/// `-u USER:PASSWORD`
fn in_login(option: &str, login: &str) -> Option<String> {
    let (_, password) = login.split_once(':')?;
    let is_login = matches!(option, "-u" | "--user" | "-U" | "--proxy-user");
    let is_secret = is_login && is_written_out(password);
    is_secret.then(|| format!("the password of '{option}' in this command"))
}

fn names_secret(name: &str) -> bool {
    let is_name = name
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    let name = name.to_ascii_lowercase().replace(['-', '_'], "");
    is_name && NAMES.iter().any(|end| name.ends_with(end))
}

/// Whether a value is the secret itself: neither a reference, nor a path, nor a number.
fn is_written_out(value: &str) -> bool {
    !value.is_empty()
        && !value.contains(['$', '`'])
        && !value.starts_with(['/', '.', '~', '<'])
        && !value.bytes().all(|byte| byte.is_ascii_digit())
        && !["true", "false", "null"].contains(&value)
        && !Source::is_reference(value)
        && !template::has_placeholder(value)
}

/// The words of a line for the shell, without their quotes.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        let word = match words.last_mut() {
            Some(word) => word,
            None => break,
        };
        match (quote, c) {
            (Some(open), _) if c == open => quote = None,
            (None, '\'' | '"') => quote = Some(c),
            (None | Some('"'), '\\') => word.extend(chars.next()),
            (None, _) if c.is_whitespace() || ";|&()".contains(c) => words.push(String::new()),
            _ => word.push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_that_are_written_out_are_found() {
        for (command, what) in [
            ("./t.sh --token hunter2", "the value of '--token'"),
            ("./t.sh --api-key=hunter2", "'--api-key'"),
            ("API_TOKEN=hunter2 ./t.sh", "'API_TOKEN'"),
            (
                "a | AWS_SECRET_ACCESS_KEY='hunter2' b",
                "'AWS_SECRET_ACCESS_KEY'",
            ),
            ("curl -u me:hunter2 h", "the password of '-u'"),
            (
                "/usr/bin/curl --user \"me:hunter2\" h",
                "the password of '--user'",
            ),
            (
                "curl -H 'Authorization: Bearer hunter2' h",
                "the header 'Authorization'",
            ),
            ("curl \"-HX-Api-Key:hunter2\" h", "the header 'X-Api-Key'"),
            ("curl https://me:hunter2@h/", "the password of a URL"),
            (
                "curl 'https://h/?a=b&token=hunter2'",
                "the parameter 'token' of a URL",
            ),
            (
                r#"curl -d '{"password":"hunter2"}' h"#,
                "the member 'password'",
            ),
            (
                r#"curl -d "{\"password\":\"hunter2\"}" h"#,
                "the member 'password'",
            ),
            ("(cd x; t --password hunter2)", "the value of '--password'"),
        ] {
            let found = secret_in(command).unwrap_or_default();
            assert!(found.starts_with(what), "{command}: {found}");
            assert!(!found.contains("hunter2"), "{found}");
        }
    }

    #[test]
    fn references_and_names_of_other_things_are_none() {
        for command in [
            "",
            "'",
            "\\",
            "./t.sh --token \"$TOKEN\"",
            "./t.sh --token env:TOKEN --password prompt",
            "./t.sh --token=$(cat f) --password @file",
            "TOKEN=$(pass show ws) ./t.sh",
            "TOKEN=`pass ws` ./t.sh",
            "vault read -field=token secret/ws",
            "vault kv get -field token ws",
            "gcloud secrets versions access latest --secret=ws-token",
            "aws secretsmanager get-secret-value --secret-id ws",
            "docker login --password-stdin",
            "docker run -u app:app image",
            "t --token-file f --token-via query --max-token 5 --password /run/secret",
            "curl -u \"me:$PASSWORD\" -H \"Authorization: Bearer $T\" \"https://h/?token=$T\"",
            r#"curl -d '{"password":"'"$P"'"}' h"#,
            r#"jq '.token = "x" | {token: .t}'"#,
            "echo password: hunter",
            "op read op://vault/item/password",
            "kubectl get secret token",
        ] {
            assert_eq!(secret_in(command), None, "{command}");
        }
    }
}
