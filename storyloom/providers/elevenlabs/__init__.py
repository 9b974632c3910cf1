"""ElevenLabs: narration with the time of every character."""
