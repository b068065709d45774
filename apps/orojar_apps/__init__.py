"""What people see of `orojar_finetune`: the browser editor."""
