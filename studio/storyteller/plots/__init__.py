"""The plots, one text file a story type; `reading` says how they are written."""
