"""`python -m bridge`."""

from bridge.app import main

main()
