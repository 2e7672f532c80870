"""The chaos suite: the promises under every fault that a campaign meets, in virtual time."""
