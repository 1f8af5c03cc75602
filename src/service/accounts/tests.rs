//! The pool between an engine and real servers.
