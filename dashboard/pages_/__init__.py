"""One module a page; each answers one question. (Not `pages`: Streamlit would make its own navigation of that.)"""
