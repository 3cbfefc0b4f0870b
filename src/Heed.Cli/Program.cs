using Heed.Cli;

return await Application.RunAsync(args, Terminal.FromProcess());
