"""What Review and its dialogs show of a sealed plan."""
