//! `/api/v1/openapi.json`: the description of all routes on 4319, made from the code that serves
//! them.
//!
//! Each route describes itself where it is written; here the descriptions are joined.

use anyhow::{Context, Result};
use axum::Router;
use axum::http::header;
use axum::middleware::from_fn_with_state;
use axum::response::IntoResponse;
use bytes::Bytes;
use oriel_proto::Token;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{Components, InfoBuilder, License, OpenApi, SecurityRequirement};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::health::admit;

/// Name of the one security scheme in the description.
const TOKEN: &str = "token";

/// The `routes`, which need the token, and one that tells what they and those of `others` do.
///
/// Errors: the description cannot be written as JSON.
pub(crate) fn described(
    others: OpenApi,
    routes: [OpenApiRouter; 2],
    token: Option<Token>,
) -> Result<Router> {
    let own = OpenApiRouter::new().routes(routes!(description));
    let (own, own_description) = own.split_for_parts();
    let mut whole = empty();
    whole.merge(others);
    whole.merge(own_description);
    let mut router = Router::new();
    for described in routes {
        let (part, description) = described.split_for_parts();
        router = router.merge(part);
        whole.merge(description);
    }
    name_operations(&mut whole);
    let json = Bytes::from(whole.to_json().context("describing the API")?);
    let router = router.merge(own.with_state(json));
    Ok(router.layer(from_fn_with_state(token, admit)))
}

/// Gives every operation a name that no other has: its method and its path.
fn name_operations(whole: &mut OpenApi) {
    for (path, item) in &mut whole.paths.paths {
        let path = match path.strip_prefix("/api/v1") {
            Some(path) => path.to_owned(),
            None => format!("/server{path}"),
        };
        let path = path.replace(['{', '}'], "").replace(['/', '.', '-'], "_");
        for (method, operation) in [
            ("get", &mut item.get),
            ("post", &mut item.post),
            ("put", &mut item.put),
            ("delete", &mut item.delete),
        ] {
            if let Some(operation) = operation {
                operation.operation_id = Some(format!("{method}{path}"));
            }
        }
    }
}

/// What is true for all routes.
fn empty() -> OpenApi {
    let mut info = InfoBuilder::new()
        .title("Oriel")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Telemetry is asked for here: traces, logs, metrics, SQL. Times are decimal strings of \
             Unix nanoseconds, durations numbers of nanoseconds, ids lower-case hex.",
        ))
        .build();
    let mut license = License::new("Apache-2.0");
    license.identifier = Some("Apache-2.0".to_owned());
    info.license = Some(license);
    let mut whole = OpenApi::new(info, utoipa::openapi::Paths::new());
    let mut components = Components::new();
    let bearer = Http::builder()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("Only where the server was started with a token"))
        .build();
    components.add_security_scheme(TOKEN, SecurityScheme::Http(bearer));
    whole.components = Some(components);
    let open = SecurityRequirement::default();
    whole.security = Some(vec![open, SecurityRequirement::new(TOKEN, [""; 0])]);
    whole
}

/// This description
#[utoipa::path(
    get, path = "/api/v1/openapi.json", tag = "server",
    responses((status = 200, description = "OpenAPI 3.1", body = Object)),
)]
async fn description(axum::extract::State(json): axum::extract::State<Bytes>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], json)
}
