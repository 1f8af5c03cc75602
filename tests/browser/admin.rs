//! The status page of a running bridge, as an administrator meets it in a browser.
