//! The vectors are those of AWS's published test suite (aws-sig-v4-test-suite, and the signing suite of
//! aws-c-auth for signatures in the query).

use super::*;

/// 2015-08-30T12:36:00Z
const NOW: Duration = Duration::from_secs(1_440_938_160);

const SESSION_TOKEN: &str = "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267";

fn options(session_token: Option<&str>, in_query: bool) -> Options {
    Options {
        keys: Keys {
            id: "AKIDEXAMPLE".to_owned(),
            secret: Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
            session_token: session_token.map(Secret::new),
        },
        scope: Scope::parse("aws:amz:us-east-1:service").unwrap(),
        default_region: None,
        in_query,
    }
}

fn host() -> Vec<(String, String)> {
    vec![("host".to_owned(), "example.amazonaws.com".to_owned())]
}

/// The signature over `target` in headers; the suite signs all of them.
fn in_headers(target: &str, headers: &[(&str, &str)], token: Option<&str>) -> (String, String) {
    let options = options(token, false);
    let signer = options.signer("h").unwrap();
    let (path, query) = target
        .split_once('?')
        .map_or((target, None), |it| (it.0, Some(it.1)));
    let mut all = host();
    all.extend(
        headers
            .iter()
            .map(|(name, value)| (name.to_lowercase(), (*value).to_owned())),
    );
    let request = Signable {
        path,
        query,
        headers: &[],
    };
    let (signature, signed) = signer.in_headers(request, all, &stamp(NOW));
    let Signature::Headers(added) = signed else {
        panic!("{signed:?}");
    };
    (signature, added.last().unwrap().1.clone())
}

#[test]
fn the_published_vectors_in_headers() {
    let unreserved = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    for (target, headers, expected) in [
        // get-vanilla
        (
            "/",
            &[][..],
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
        ),
        // get-unreserved
        (
            &format!("/{unreserved}"),
            &[],
            "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
        ),
        // get-slashes-normalized
        (
            "//example//",
            &[],
            "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84",
        ),
        // get-vanilla-query-order-key-case
        (
            "/?Param2=value2&Param1=value1",
            &[],
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        // get-vanilla-query-order-value
        (
            "/?Param1=value2&Param1=value1",
            &[],
            "5772eed61e12b33fae39ee5e7012498b51d56abc0abb7c60486157bd471c4694",
        ),
        // get-vanilla-query-order-encoded
        (
            "/?Param-3=Value3&Param=Value2&%E1%88%B4=Value1",
            &[],
            "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac",
        ),
        // get-vanilla-utf8-query
        (
            "/?\u{1234}=bar",
            &[],
            "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04",
        ),
        // get-header-value-order
        (
            "/",
            &[
                ("My-Header1", "value4"),
                ("My-Header1", "value1"),
                ("My-Header1", "value3"),
                ("My-Header1", "value2"),
            ],
            "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01",
        ),
        // get-header-key-duplicate
        (
            "/",
            &[
                ("My-Header1", "value2"),
                ("My-Header1", "value2"),
                ("My-Header1", "value1"),
            ],
            "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
        ),
        // get-header-value-trim
        (
            "/",
            &[("My-Header1", " value1"), ("My-Header2", " \"a   b   c\"")],
            "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
        ),
    ] {
        assert_eq!(
            in_headers(target, headers, None).0,
            expected,
            "{target} {headers:?}"
        );
    }
}

#[test]
fn a_session_token_is_signed() {
    // get-vanilla-with-session-token
    let (_, authorization) = in_headers("/", &[], Some(SESSION_TOKEN));
    assert_eq!(
        authorization,
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
         SignedHeaders=host;x-amz-date;x-amz-security-token, \
         Signature=07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8"
    );
}

/// The query with its signature, which is good for so long.
fn in_query(target: &str, token: Option<&str>, expires: &str) -> String {
    let options = options(token, true);
    let signer = options.signer("h").unwrap();
    let (path, query) = target
        .split_once('?')
        .map_or((target, None), |it| (it.0, Some(it.1)));
    let request = Signable {
        path,
        query,
        headers: &[],
    };
    let (_, signed) = signer.in_query(request, &host(), &stamp(NOW), expires);
    let Signature::Query(query) = signed else {
        panic!("{signed:?}");
    };
    query
}

#[test]
fn the_published_vectors_in_the_query() {
    let unreserved = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    for (target, token, expected) in [
        // get-slash-dot-slash-normalized
        (
            "/./",
            None,
            "e93c787ed7f371d5c6b165c1b38ede9550f4dce4144713e844b25b7192d3865d",
        ),
        // get-slashes-normalized
        (
            "//example//",
            None,
            "c1834e8fb0307243711f0f907f6ab7311ed300d87f13792d7ee4da89ab93e082",
        ),
        // get-space-normalized, whose space is encoded by nobody before
        (
            "/example space/",
            None,
            "7a1f416954786484c9824d93c1f26ef64acb9b1b6c9154d08c9f07d0e394abf6",
        ),
        // get-utf8
        (
            "/\u{1234}",
            None,
            "10eae3f14a260bd3911cc6d008d3c576d143b05b62f09782a7a4b37f52178e44",
        ),
        // get-vanilla-query-order-encoded
        (
            "/?Param-3=Value3&Param=Value2&%E1%88%B4=Value1",
            None,
            "c5f1848ceec943ac2ca68ee720460c23aaae30a2300586597ada94c4a65e4787",
        ),
        // get-vanilla-query-order-key-case
        (
            "/?Param2=value2&Param1=value1",
            None,
            "86012e2c9ad4d77369f5d81c11f75158aae4f895a085212cc6d3f923d300bed5",
        ),
        // get-vanilla-query-unreserved
        (
            &format!("/?{unreserved}={unreserved}"),
            None,
            "8e76a88a7433637b12778d5592799b29ad21ecd6cf6325051c21d86f0acda2bf",
        ),
        // get-vanilla-utf8-query
        (
            "/?\u{1234}=bar",
            None,
            "0bdd809b1519ac4f0c1dc3540e2cc46bd0c7f778eda408b2ebf3b913d21ff600",
        ),
        // get-vanilla-with-session-token
        (
            "/",
            Some(SESSION_TOKEN),
            "7ff2b50b376cb4d151970630573d6291dc128cc5c2a12ffb237f73cc53f67b6c",
        ),
    ] {
        let query = in_query(target, token, "3600");
        let (_, signature) = query.split_once("X-Amz-Signature=").unwrap();
        assert_eq!(signature, expected, "{target}");
    }
}

#[test]
fn the_query_keeps_what_it_had_and_encodes_what_is_added() {
    let query = in_query("/x?a=b%20c", Some("t/+="), EXPIRES);
    let (before, signature) = query.split_once("&X-Amz-Signature=").unwrap();
    assert_eq!(
        before,
        "a=b%20c&X-Amz-Algorithm=AWS4-HMAC-SHA256\
         &X-Amz-Credential=AKIDEXAMPLE%2F20150830%2Fus-east-1%2Fservice%2Faws4_request\
         &X-Amz-Date=20150830T123600Z&X-Amz-Expires=300&X-Amz-SignedHeaders=host\
         &X-Amz-Security-Token=t%2F%2B%3D"
    );
    assert_eq!(signature.len(), 64);
}

#[test]
fn the_token_of_iot_follows_what_is_signed() {
    let signed = |token| {
        let mut options = options(token, true);
        options.scope.service = IOT.to_owned();
        let signer = options.signer("h").unwrap();
        let request = Signable {
            path: "/mqtt",
            query: None,
            headers: &[],
        };
        signer.in_query(request, &host(), &stamp(NOW), EXPIRES).0
    };
    assert_eq!(signed(None), signed(Some("token")));
}

#[test]
fn a_path_is_encoded_once_more_than_it_is_sent() {
    for (path, canonical) in [
        ("/", "/"),
        ("", "/"),
        ("/a%2Fb", "/a%252Fb"),
        ("/prod/@connections", "/prod/%40connections"),
        ("/a/./b/../c", "/a/c"),
        ("/a/b/..", "/a/"),
        ("/../..", "/"),
        ("/a//b/", "/a/b/"),
    ] {
        assert_eq!(canonical_path(path), canonical, "{path}");
    }
}

#[test]
fn the_region_is_named_or_in_the_host_name_or_the_default() {
    let region = |scope: &str, default: Option<&str>, host: &str| {
        let options = Options {
            scope: Scope::parse(scope).unwrap(),
            default_region: default.map(str::to_owned),
            ..options(None, false)
        };
        options.signer(host).map(|signer| signer.region)
    };
    for (scope, default, host, expected) in [
        (
            "aws:amz:eu-west-1",
            Some("x"),
            "a.execute-api.us-east-1.amazonaws.com",
            "eu-west-1",
        ),
        (
            "aws:amz",
            Some("x"),
            "a.execute-api.us-east-1.amazonaws.com",
            "us-east-1",
        ),
        (
            "aws:amz",
            None,
            "a.execute-api.cn-north-1.amazonaws.com.cn.",
            "cn-north-1",
        ),
        (
            "aws:amz",
            None,
            "a.execute-api.us-gov-west-1.api.aws",
            "us-gov-west-1",
        ),
        (
            "aws:amz::appsync",
            None,
            "X.APPSYNC-REALTIME-API.eu-central-1.amazonaws.com",
            "eu-central-1",
        ),
        (
            "aws:amz",
            Some("ap-south-1"),
            "ws.example.org",
            "ap-south-1",
        ),
        ("aws", Some("ap-south-1"), "iot.amazonaws.com", "ap-south-1"),
    ] {
        assert_eq!(
            region(scope, default, host).unwrap(),
            expected,
            "{scope} {host}"
        );
    }
    let error = region("aws:amz", None, "ws.example.org").unwrap_err();
    assert!(
        error
            .to_string()
            .contains("the region of ws.example.org is not known"),
        "{error}"
    );
}

#[test]
fn the_scope_is_that_of_curl() {
    let scope = Scope::parse("aws:amz:eu-west-1:iotdevicegateway").unwrap();
    assert_eq!(scope.region.as_deref(), Some("eu-west-1"));
    assert_eq!(scope.service, IOT);
    assert_eq!(Scope::parse("aws:amz").unwrap().service, "execute-api");
    for wrong in [
        "",
        "amz",
        "osc:osc",
        "aws:goog",
        "aws:amz:a:b:c",
        "aws:amz:a/b",
        "aws:amz:a:b c",
    ] {
        assert!(Scope::parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn every_part_of_a_signature_is_hidden() {
    let redactor = Redactor::default();
    for in_query in [false, true] {
        let options = options(Some("token/with+signs="), in_query);
        let headers = host();
        let request = Signable {
            path: "/",
            query: None,
            headers: &headers,
        };
        let signed = options.signer("h").unwrap().sign(request, NOW, &redactor);
        let shown = redactor.redact(&format!("{signed:?}")).into_owned();
        for secret in [
            "AKIDEXAMPLE",
            "wJalr",
            "token/with",
            "Signature=5",
            "Signature=a",
        ] {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
        assert!(shown.contains("Signature=[redacted]"), "{shown}");
    }
}
