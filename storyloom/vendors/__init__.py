"""The doors to the providers that several services share. One module a provider; its errors are translated here."""
