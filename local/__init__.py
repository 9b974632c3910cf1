"""Everything on one machine, without Docker: embedded servers, the studio and the seven services."""
