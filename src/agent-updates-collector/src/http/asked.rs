//! What a request asks for: the values in its address, or the problem with them.

use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use axum::http::Uri;
use serde::de::DeserializeOwned;

use super::Problem;

/// The query.
#[derive(Debug)]
pub(super) struct Asked<T>(pub T);

impl<T: DeserializeOwned> Asked<T> {
    /// Reads the query of an address.
    pub(super) fn of(uri: &Uri) -> Result<Self, Problem> {
        Query::try_from_uri(uri)
            .map(|Query(query)| Self(query))
            .map_err(|rejection| Problem::query(rejection.body_text()))
    }
}

impl<S: Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::of(&parts.uri)
    }
}

/// The name in the path.
#[derive(Debug)]
pub(super) struct Name(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Name {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Path::from_request_parts(parts, state)
            .await
            .map(|Path(name)| Self(name))
            .map_err(|rejection| Problem::query(rejection.body_text()))
    }
}
