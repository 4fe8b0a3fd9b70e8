//! Splits files in PEM form (RFC 7468) into their sections, with the text between them that OpenSSL
//! writes. Pure.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// A section: `-----BEGIN LABEL-----` to `-----END LABEL-----`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Section {
    /// `CERTIFICATE`, for example.
    pub(super) label: String,
    /// Whether its headers say that it is encrypted (RFC 1421 section 4.6.1.1).
    pub(super) encrypted: bool,
    /// The content; `None` if it is not base64, or has no end.
    pub(super) der: Option<Vec<u8>>,
}

/// The sections of a file, in order.
pub(super) fn sections(file: &[u8]) -> Vec<Section> {
    let text = String::from_utf8_lossy(file);
    let mut lines = text.lines().map(str::trim);
    let mut sections = Vec::new();
    while let Some(line) = lines.next() {
        if let Some(label) = boundary(line, "-----BEGIN ") {
            sections.push(section(label, &mut lines));
        }
    }
    sections
}

fn section<'a>(label: &str, lines: &mut impl Iterator<Item = &'a str>) -> Section {
    let mut section = Section {
        label: label.to_owned(),
        encrypted: false,
        der: None,
    };
    let mut content = String::new();
    for line in lines {
        if boundary(line, "-----END ") == Some(label) {
            section.der = STANDARD.decode(content).ok();
            break;
        }
        match line.split_once(':') {
            Some((name, value)) => {
                section.encrypted |= name == "Proc-Type" && value.contains("ENCRYPTED");
            }
            // The second header of a traditional key may be continued, but none of OpenSSL's is.
            None => content.push_str(line),
        }
    }
    section
}

fn boundary<'a>(line: &'a str, begin: &str) -> Option<&'a str> {
    line.strip_prefix(begin)?.strip_suffix("-----")
}

/// What a file is that has no section of the wanted kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Binary {
    /// A container of certificates and keys (RFC 7292).
    Pkcs12,
    /// Any other ASN.1 in DER form.
    Der,
}

impl Binary {
    /// The kind of a file by its first bytes; `None` for text.
    pub(super) fn of(file: &[u8]) -> Option<Binary> {
        let [0x30, length, rest @ ..] = file else {
            return None;
        };
        // A length of more than seven bits follows in as many bytes as the lower bits say.
        let long = match length {
            0x80.. => usize::from(length & 0x7f),
            _ => 0,
        };
        // A PFX begins with its version, which is 3.
        match rest.get(long..).unwrap_or_default() {
            [0x02, 0x01, 0x03, ..] => Some(Binary::Pkcs12),
            _ => Some(Binary::Der),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_found_among_other_text() {
        let file = "Bag Attributes\n    friendlyName: x\n-----BEGIN A B-----\r\nAAEC\r\nAw==\r\n-----END A B-----\nmore\n\
            -----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAA==\n-----END RSA PRIVATE KEY-----\n\
            -----BEGIN C-----\n!!!!\n-----END C-----\n-----BEGIN D-----\nAA==\n";
        let section = |label: &str, encrypted, der: Option<&[u8]>| Section {
            label: label.to_owned(),
            encrypted,
            der: der.map(<[u8]>::to_vec),
        };
        assert_eq!(
            sections(file.as_bytes()),
            [
                section("A B", false, Some(&[0, 1, 2, 3])),
                section("RSA PRIVATE KEY", true, Some(&[0])),
                section("C", false, None),
                section("D", false, None),
            ]
        );
        assert!(sections(b"\xff\xfe").is_empty());
    }

    #[test]
    fn binary_files_are_told_apart() {
        for (file, kind) in [
            (&[0x30, 0x82, 9, 9, 2, 1, 3, 0x30][..], Some(Binary::Pkcs12)),
            (&[0x30, 3, 2, 1, 3], Some(Binary::Pkcs12)),
            (&[0x30, 0x82, 9, 9, 0x30], Some(Binary::Der)),
            (&[0x30, 0xff], Some(Binary::Der)),
            (b"-----BEGIN", None),
            (b"", None),
        ] {
            assert_eq!(Binary::of(file), kind, "{file:?}");
        }
    }
}
