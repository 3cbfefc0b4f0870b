using System.Reflection;

namespace Heed.Repository.Tests;

/// <summary>The assemblies that are shipped, and which of the others each may know.</summary>
internal static class Products
{
    /// <summary>Name → names that it may reference. <c>heed</c> is the command line.</summary>
    public static IReadOnlyDictionary<string, string[]> MayKnow { get; } = new Dictionary<string, string[]>(StringComparer.Ordinal)
    {
        ["Heed.Core"] = [],
        ["Heed.Tokenizers"] = ["Heed.Core"],
        ["Heed.Templates"] = ["Heed.Core", "Heed.Tokenizers"],
        ["Heed.Engine"] = ["Heed.Core"],
        ["Heed.Checkpoints"] = ["Heed.Core"],
        ["Heed.Hub"] = ["Heed.Core", "Heed.Checkpoints"],
        ["Heed.Models"] = ["Heed.Core", "Heed.Engine", "Heed.Checkpoints"],
        ["Heed.Generation"] = ["Heed.Core", "Heed.Engine", "Heed.Checkpoints", "Heed.Hub", "Heed.Models", "Heed.Tokenizers", "Heed.Templates"],
        ["Heed.Training"] = ["Heed.Core", "Heed.Engine", "Heed.Checkpoints", "Heed.Hub", "Heed.Models", "Heed.Tokenizers", "Heed.Templates", "Heed.Generation"],
        ["Heed.Inspection"] = ["Heed.Core", "Heed.Engine", "Heed.Checkpoints", "Heed.Hub", "Heed.Models", "Heed.Tokenizers", "Heed.Templates", "Heed.Generation"],
        ["Heed.Retrieval"] = ["Heed.Core", "Heed.Engine", "Heed.Checkpoints", "Heed.Hub", "Heed.Models", "Heed.Tokenizers", "Heed.Templates", "Heed.Generation"],
        ["Heed.Doctor"] = ["Heed.Core", "Heed.Engine", "Heed.Checkpoints", "Heed.Hub", "Heed.Models", "Heed.Tokenizers", "Heed.Templates", "Heed.Generation", "Heed.Training", "Heed.Inspection"],
        ["Heed.Lab"] = ["Heed.Core", "Heed.Engine", "Heed.Checkpoints", "Heed.Hub", "Heed.Models", "Heed.Tokenizers", "Heed.Templates", "Heed.Generation", "Heed.Training", "Heed.Inspection", "Heed.Retrieval"],
        ["Heed.Explorer"] = ["Heed.Core", "Heed.Engine", "Heed.Checkpoints", "Heed.Hub", "Heed.Models", "Heed.Tokenizers", "Heed.Templates", "Heed.Generation", "Heed.Training", "Heed.Inspection", "Heed.Retrieval", "Heed.Doctor", "Heed.Lab"],
        ["Heed.Verification"] = ["Heed.Core", "Heed.Engine", "Heed.Checkpoints", "Heed.Hub", "Heed.Models", "Heed.Tokenizers", "Heed.Templates", "Heed.Generation", "Heed.Training", "Heed.Inspection", "Heed.Retrieval"],
        ["Heed.Extensions.AI"] = ["Heed.Core", "Heed.Engine", "Heed.Checkpoints", "Heed.Hub", "Heed.Models", "Heed.Tokenizers", "Heed.Templates", "Heed.Generation", "Heed.Training", "Heed.Retrieval"],
        ["heed"] = ["Heed.Core", "Heed.Engine", "Heed.Checkpoints", "Heed.Hub", "Heed.Models", "Heed.Tokenizers", "Heed.Templates", "Heed.Generation", "Heed.Training", "Heed.Verification", "Heed.Inspection", "Heed.Retrieval", "Heed.Doctor", "Heed.Lab", "Heed.Explorer"],
    };

    /// <summary>The libraries: everything but the command line.</summary>
    public static IEnumerable<string> Libraries => MayKnow.Keys.Where(n => n != "heed");

    /// <summary>Loads an assembly from the tests' output.</summary>
    public static Assembly Load(string name) => Assembly.Load(new AssemblyName(name));
}
