def write_page(result, path): pass
