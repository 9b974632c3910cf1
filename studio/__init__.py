"""The providers, on localhost: OpenAI's and ElevenLabs' own protocols, and answers that are really made.

The studio stands alone. It shares no code with the product, so that it cannot share its mistakes;
what it reads in a prompt is written down in docs/providers.md.
"""

__version__ = "0.1.0"
