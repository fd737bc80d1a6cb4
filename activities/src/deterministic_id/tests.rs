use std::collections::HashSet;

use super::*;

fn secret() -> IdSecret {
    let mut bytes = [0; 32];
    (0..).zip(&mut bytes).for_each(|(number, byte)| *byte = number);
    IdSecret::new(bytes)
}

/// Computed by another implementation of HMAC-SHA-256, from the formula at the head of the module.
#[test]
fn golden_vectors_stand_for_ever() {
    let golden: [(&str, &[&str], &str); 7] = [
        ("User", &["alice@example.com"], "User:5tVztmJc6dAC3golhb1cZC"),
        ("User", &["bob@example.com"], "User:7JInDyCqkBNBCUb7o3zkYo"),
        ("Order", &["a", "bc"], "Order:5M1SyhT7peJEcGSQSHqACP"),
        ("Order", &["ab", "c"], "Order:1n5Bbp5SRtIeZUYLV48Sgv"),
        ("Order", &["bc", "a"], "Order:1lSPld7AykDcPtj4yUZnF4"),
        ("Order", &["abc"], "Order:3nPXUnbuO7km4QdkvgwWU7"),
        ("Customer", &["Zoë"], "Customer:4LtTQkWV4mq57ms6pzBIoW"),
    ];
    for (entity_type, parts, id) in golden {
        assert_eq!(deterministic_stream_id(&secret(), entity_type, parts).unwrap(), id);
    }
    let other = IdSecret::new([0; 32]);
    let id = deterministic_stream_id(&other, "User", &["alice@example.com"]).unwrap();
    assert_eq!(id, "User:0OzG9sJelytw5y7RxZOynC");
}

/// `EVERSTEP_ID_KEYS` hashes more.
#[test]
fn ids_have_one_length_safe_letters_and_no_collision() {
    let keys = std::env::var("EVERSTEP_ID_KEYS").ok().and_then(|keys| keys.parse().ok());
    let secret = secret();
    let mut seen = HashSet::new();
    let keys: u32 = keys.unwrap_or(100_000);
    for number in 0..keys {
        let id = deterministic_stream_id(&secret, "K", &[&number.to_string()]).unwrap();
        let hash = id.strip_prefix("K:").unwrap();
        assert!(hash.len() == 22 && hash.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{id}");
        assert!(seen.insert(hash.to_owned()), "{id} twice");
    }
    assert_eq!(seen.len() as u32, keys);
}

#[test]
fn what_cannot_be_a_key_is_named() {
    let id = |entity_type, parts: &[&str]| {
        deterministic_stream_id(&secret(), entity_type, parts).unwrap_err()
    };
    assert_eq!(id("a:b", &["c"]), InvalidBusinessKey::EntityType("a:b".into()));
    assert_eq!(id("", &["c"]), InvalidBusinessKey::EntityType("".into()));
    assert_eq!(id("User", &[]), InvalidBusinessKey::Empty);
    assert_eq!(id("User", &["a", ""]), InvalidBusinessKey::Empty);
    assert_eq!(id("User", &["a", &"b".repeat(4_096)]), InvalidBusinessKey::TooLong(4_097));
}

#[test]
fn a_secret_is_not_shown() {
    assert_eq!(format!("{:?}", secret()), "IdSecret(..)");
}
