//! Who may do what.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

/// What a token allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Send events.
    Ingest,
    /// Ask for anything.
    Read,
    /// Everything.
    Admin,
}

/// One token: its name, what it allows, and the hash by which it is known. The token itself is nowhere.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Token {
    name: String,
    scopes: Vec<Scope>,
    sha256: [u8; 32],
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{:?}:[redacted]", self.name, self.scopes)
    }
}

impl FromStr for Token {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = "a token is NAME:SCOPE+SCOPE:SHA256, its hash from: printf %s \"$TOKEN\" | sha256sum";
        let mut parts = text.split(':');
        let (Some(name), Some(scopes), Some(hash), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(form.into());
        };
        let scope = |name: &str| match name {
            "ingest" => Ok(Scope::Ingest),
            "read" => Ok(Scope::Read),
            "admin" => Ok(Scope::Admin),
            _ => Err("a token's scopes are ingest, read and admin".to_owned()),
        };
        Ok(Self {
            name: name.to_owned(),
            scopes: scopes.split('+').map(scope).collect::<Result<_, _>>()?,
            sha256: hash_from(hash).ok_or(form)?,
        })
    }
}

impl TryFrom<String> for Token {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

fn hash_from(hexadecimal: &str) -> Option<[u8; 32]> {
    if hexadecimal.len() != 64 || !hexadecimal.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut hash = [0; 32];
    for (index, byte) in hash.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&hexadecimal[index * 2..index * 2 + 2], 16).ok()?;
    }
    Some(hash)
}

/// All tokens.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tokens(Vec<Token>);

impl From<Vec<Token>> for Tokens {
    fn from(tokens: Vec<Token>) -> Self {
        Self(tokens)
    }
}

impl Tokens {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What a presented token allows; `None` if it is not known. Takes the same time for every token that is presented.
    #[must_use]
    pub fn scopes(&self, presented: &str) -> Option<&[Scope]> {
        let hash: [u8; 32] = Sha256::digest(presented.as_bytes()).into();
        let mut found = None;
        for token in &self.0 {
            let same: Choice = token.sha256.ct_eq(&hash);
            if bool::from(same) {
                found = Some(token.scopes.as_slice());
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // printf %s open-sesame | sha256sum
    const HASH: &str = "d7ecdf25eaf3deba0f2628771dbdd22d4138ab6cf38f91ed02a2ca0dec7c8ab7";

    #[test]
    fn a_token_is_known_by_its_hash_and_shows_it_nowhere() {
        let token: Token = format!("ci:ingest+read:{HASH}").parse().unwrap();
        assert!(!format!("{token:?}").contains(&HASH[..8]));
        let tokens = Tokens::from(vec![token]);
        assert_eq!(tokens.scopes("open-sesame"), Some(&[Scope::Ingest, Scope::Read][..]));
        assert_eq!(tokens.scopes("open-sesam"), None);
    }

    #[test]
    fn what_is_no_token_is_refused_with_a_hint() {
        for text in [
            "",
            "x",
            "ci:write:00",
            &format!("ci:write:{HASH}"),
            &format!("ci:read:{}", &HASH[2..]),
        ] {
            assert!(text.parse::<Token>().unwrap_err().contains("token"), "{text}");
        }
    }
}
