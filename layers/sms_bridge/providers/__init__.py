"""What goes out over HTTP: to 8x8 and to MoEngage."""
