"""One file that carries images over an air gap: its format (`tape`), words (`contents`), signatures (`attached`)."""
