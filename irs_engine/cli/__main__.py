from irs_engine.cli import main

main()
