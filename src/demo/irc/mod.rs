//! A small IRC server.
