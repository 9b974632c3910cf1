"""What stories are made of: places, creatures, things, and small ornaments of any scene."""
