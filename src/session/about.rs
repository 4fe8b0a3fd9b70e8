//! What the environment of a run's commands says of its connection, with the
//! variables of the user. Otherwise never a secret: the URL is redacted, and headers are there only if they
//! were asked for by name.

use std::collections::BTreeMap;
use std::sync::Arc;

/// An open connection, as its commands see it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// Redacted.
    pub url: String,
    pub subprotocol: Option<String>,
    /// The address of the peer.
    pub peer: Option<String>,
    /// From 1.
    pub connection: u32,
    /// The headers of a client's request.
    pub headers: Vec<(String, String)>,
    /// The names and values of the user's variables, as they are in the environment.
    pub given: Arc<[(String, String)]>,
}

impl About {
    /// The variables of the environment: `WIRECAT_URL` and so on, those of the `headers` that were asked for
    /// by name, and those of the user, `WIRECAT_VAR_NAME`.
    pub fn variables(&self, headers: &[String]) -> Vec<(String, String)> {
        let mut variables = vec![
            ("WIRECAT_URL".to_owned(), self.url.clone()),
            (
                "WIRECAT_SUBPROTOCOL".to_owned(),
                self.subprotocol.clone().unwrap_or_default(),
            ),
            (
                "WIRECAT_PEER".to_owned(),
                self.peer.clone().unwrap_or_default(),
            ),
            ("WIRECAT_CONNECTION".to_owned(), self.connection.to_string()),
        ];
        let wanted = |name: &str| headers.iter().any(|it| it.eq_ignore_ascii_case(name));
        let mut asked: BTreeMap<String, String> = BTreeMap::new();
        for (name, value) in self.headers.iter().filter(|(name, _)| wanted(name)) {
            // A header that comes twice is one value, as in CGI (RFC 3875 section 4.1.18).
            let all = asked.entry(variable_of(name)).or_default();
            if !all.is_empty() {
                all.push_str(", ");
            }
            all.push_str(value);
        }
        variables.extend(asked);
        variables.extend(self.given.iter().cloned());
        // A process cannot be given a NUL.
        variables.retain(|(_, value)| !value.contains('\0'));
        variables
    }
}

/// `WIRECAT_HEADER_X_USER` for `X-User`.
fn variable_of(header: &str) -> String {
    let name = header.bytes().map(|byte| match byte {
        b'0'..=b'9' | b'A'..=b'Z' => byte as char,
        b'a'..=b'z' => byte.to_ascii_uppercase() as char,
        _ => '_',
    });
    format!("WIRECAT_HEADER_{}", name.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_have_names_that_a_shell_can_use() {
        let about = About {
            url: "ws://h/".into(),
            connection: 2,
            headers: vec![
                ("x-user.id".into(), "xiao\0".into()),
                ("host".into(), "h".into()),
                ("authorization".into(), "Bearer x".into()),
            ],
            given: [("WIRECAT_VAR_user".into(), "xiao".into())].into(),
            ..About::default()
        };
        let variables = about.variables(&["X-User.Id".into(), "Host".into()]);
        let names: Vec<&str> = variables.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(
            names,
            [
                "WIRECAT_URL",
                "WIRECAT_SUBPROTOCOL",
                "WIRECAT_PEER",
                "WIRECAT_CONNECTION",
                "WIRECAT_HEADER_HOST",
                "WIRECAT_VAR_user"
            ]
        );
        assert_eq!(variable_of("X-User.Id"), "WIRECAT_HEADER_X_USER_ID");
    }

    #[test]
    fn a_header_that_comes_twice_is_one_variable() {
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let about = About {
            headers: vec![header("x-user", "ann"), header("X-User", "bob")],
            ..About::default()
        };
        let variables = about.variables(&["x-user".into()]);
        assert_eq!(
            variables.last(),
            Some(&header("WIRECAT_HEADER_X_USER", "ann, bob"))
        );
    }
}
