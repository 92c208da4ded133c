//! The only user of N-API: handles, conversions and the request queue. Decides nothing.
