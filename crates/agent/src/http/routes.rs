//! The paths and what answers each. Log-ins of providers will be more lines of [`ROUTES`].

use super::guest::Guest;
use super::request::Request;
use super::response::{Response, Status};
use super::{health, open_url};

/// One thing that can be asked for.
struct Route {
    path: &'static str,
    /// The methods that it takes.
    methods: &'static str,
    answer: fn(&Request, &Guest) -> Response,
}

const ROUTES: [Route; 2] = [
    Route {
        path: "/health",
        methods: "GET, HEAD",
        answer: health::answer,
    },
    Route {
        path: "/open-url",
        methods: "POST",
        answer: open_url::answer,
    },
];

/// Answers a request.
pub(super) fn answer(request: &Request, guest: &Guest) -> Response {
    let Some(route) = ROUTES.iter().find(|route| route.path == request.path) else {
        let paths = ROUTES.map(|route| route.path).join(" and ");
        let message = format!("there is no such path here; there are {paths}");
        return Response::error(Status::NotFound, message);
    };
    if !route
        .methods
        .split(", ")
        .any(|method| method == request.method)
    {
        let message = format!("{} is asked for by {}", route.path, route.methods);
        let mut response = Response::error(Status::MethodNotAllowed, message);
        response.allow = Some(route.methods);
        return response;
    }
    // It believes to talk to `Host`.
    if request.is_foreign(&request.host) {
        return Response::error(
            Status::Forbidden,
            "a page of another origin has no business here",
        );
    }
    (route.answer)(request, guest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(method: &str, path: &str, origin: Option<&str>) -> Status {
        let request = Request {
            method: method.into(),
            path: path.into(),
            host: "10.0.0.2:8080".into(),
            origin: origin.map(str::to_owned),
            ..Request::default()
        };
        answer(&request, &Guest::new(String::new(), "/nonexistent".into())).status
    }

    #[test]
    fn a_path_has_its_methods() {
        assert_eq!(status("GET", "/health", None), Status::Ok);
        assert_eq!(status("HEAD", "/health", None), Status::Ok);
        assert_eq!(status("get", "/health", None), Status::MethodNotAllowed);
        assert_eq!(status("GET", "/open-url", None), Status::MethodNotAllowed);
        assert_eq!(status("GET", "/", None), Status::NotFound);
        assert_eq!(status("GET", "/health/", None), Status::NotFound);
    }

    #[test]
    fn pages_of_other_origins_are_kept_out() {
        let get = |origin| status("GET", "/health", Some(origin));
        assert_eq!(get("http://10.0.0.2:8080"), Status::Ok);
        for foreign in ["http://10.0.0.2", "https://example.org", "null", ""] {
            assert_eq!(get(foreign), Status::Forbidden, "{foreign}");
        }
    }
}
