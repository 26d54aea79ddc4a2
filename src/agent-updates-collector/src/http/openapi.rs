//! The description of the API, made from the handlers' own declarations, and the schemas of the events.

use axum::http::header::CONTENT_TYPE;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{Components, ContactBuilder, InfoBuilder, OpenApi, OpenApiBuilder};

use super::asked::Name;
use super::Problem;
use crate::event::schema as schemas;

/// The document's frame, which the handlers' declarations are put into.
pub(super) fn document() -> OpenApi {
    let mut components = Components::new();
    components.add_security_scheme("token", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("Agent updates collector")
                .version(crate::VERSION)
                .description(Some(
                    "Collects the events of coding agents, and answers what each of them is doing.",
                ))
                .contact(Some(
                    ContactBuilder::new().url(Some(env!("CARGO_PKG_REPOSITORY"))).build(),
                ))
                .build(),
        )
        .components(Some(components))
        .security(Some([
            utoipa::openapi::SecurityRequirement::new("token", [] as [&str; 0]),
            utoipa::openapi::SecurityRequirement::default(),
        ]))
        .build()
}

/// The document as text.
pub(super) fn json(document: &OpenApi) -> String {
    // Cannot fail: the document is made of strings.
    document.to_json().unwrap_or_default()
}

/// Serves the document.
pub(super) fn serve(document: &str) -> Response {
    ([(CONTENT_TYPE, "application/json")], document.to_owned()).into_response()
}

/// The JSON Schema of an event
#[utoipa::path(get, path = "/v1/schema/{version}", tag = "service",
    params(("version" = String, Path, description = "1.0 or 1.1")),
    responses(
        (status = 200, body = serde_json::Value, content_type = "application/schema+json"),
        (status = 400, body = super::problem::Document, content_type = "application/problem+json"),
        (status = 404, body = super::problem::Document, content_type = "application/problem+json"),
    ))]
pub(super) async fn schema(Name(version): Name) -> Result<Response, Problem> {
    let schema = schemas::of_version(&version).ok_or_else(|| {
        Problem::new(
            StatusCode::NOT_FOUND,
            "unknown_version",
            "the schema's versions are 1.0 and 1.1",
        )
    })?;
    Ok(([(CONTENT_TYPE, "application/schema+json")], schema).into_response())
}
