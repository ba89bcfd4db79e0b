"""Texts that would run as code in a page that does not escape them."""

TEXT = "<script>document.title='taken'</script>"
LABELS = ('"><img src=x onerror=alert(1)>', "plain")
