"""The page where a planner decides; it reads only the API (`streamlit run dashboard/app.py`)."""
