"""Pure rules of the house: standard library only, no screen, no network, no disk."""
