"""Looking at E2 traffic: captures, hexadecimal text and live set-ups, told as a person would want to read them."""
