"""What goes on for as long as things happen: watching, following events and logs, drawing on a terminal."""
