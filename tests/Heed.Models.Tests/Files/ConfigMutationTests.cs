using Heed.Verification;
using Heed.Engine.Tensors;
using Heed.Models.Files;
using Heed.Testing;

namespace Heed.Models.Tests.Files;

/// <summary>
/// Each key of each golden model's config.json removed, null, of another type, out of range: the same result, a clear error, or, for a
/// value of the right type, the result that it asks for. Never an internal error, never another result without a word.
/// </summary>
public sealed class ConfigMutationTests
{
    public static TheoryData<string> Models => [.. Names];

    private static IEnumerable<string> Names => Directory.EnumerateDirectories(Path.Combine(Repository.Goldens, "models")).Select(folder => Path.GetFileName(folder)!).Order(StringComparer.Ordinal);

    // cases: g1, g2, g4
    [Fact]
    public void A_changed_key_is_refused_warned_of_or_changes_nothing()
    {
        MutantCount mutants = new("config.json");
        List<string> wrong = [];
        foreach (string name in Names) wrong.AddRange(Mutate(name, mutants).Select(sentence => $"{name}: {sentence}"));
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
        mutants.CheckDocument();
    }

    private static List<string> Mutate(string name, MutantCount mutants)
    {
        string folder = Path.Combine(Repository.Goldens, "models", name);
        Dictionary<string, ReadOnlyMemory<byte>> files = new(StringComparer.Ordinal);
        foreach (string file in Directory.EnumerateFiles(folder, "*").Where(file => Path.GetFileName(file) is "config.json" || file.EndsWith(".safetensors", StringComparison.Ordinal)))
            files[Path.GetFileName(file)] = File.ReadAllBytes(file);
        byte[] config = files["config.json"].ToArray();
        float[] expected = Run(new MemoryModelFiles(files), null);
        List<string> wrong = [];
        int count = 0;
        foreach (JsonMutation mutation in JsonMutations.Of(config))
        {
            count++;
            files["config.json"] = mutation.Json;
            List<string> warnings = [];
            try
            {
                float[] actual = Run(new MemoryModelFiles(files), warnings.Add);
                bool same = actual.AsSpan().SequenceEqual(expected);
                if (same) mutants.Same(name);
                else if (warnings.Count > 0) mutants.Warned(name);
                else mutants.Followed(name);
                // What is removed has the architecture's own value; a value of the right type may ask for another result.
                if (!same && warnings.Count == 0 && !mutation.IsSameKind && mutation.Value is not null && !AsksForIt(mutation)) wrong.Add($"{mutation}: another result without a word");
            }
            catch (HeedException e)
            {
                mutants.Refused(name);
                // A shorter context is found when a text is longer than it.
                if (!e.Message.Contains("config.json", StringComparison.Ordinal) && !(mutation.IsSameKind && e.Message.Contains("input_ids", StringComparison.Ordinal))) wrong.Add($"{mutation}: {e.Message}");
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                wrong.Add($"{mutation}: {e.GetType().Name}: {e.Message}");
            }
        }

        if (count < 200) wrong.Add($"only {count} changes");
        return wrong;
    }

    /// <summary>
    /// An id may be a number, a list of numbers, or null; null of RoPE's settings is the reference's word for "none", of the layers' kinds
    /// for the architecture's own, of kinds of positions for none, and a soft cap may be null or a number.
    /// </summary>
    private static bool AsksForIt(JsonMutation mutation) => (mutation.Key.EndsWith("_token_id", StringComparison.Ordinal) && mutation.Value is "[1]" or "null")
        || (mutation.Key is "rope_parameters" or "rope_scaling" or "rope_parameters.original_max_position_embeddings" && mutation.Value == "null")
        || (mutation.Key is "layer_types" or "pos_att_type" && mutation.Value == "null") || mutation.Key is "final_logit_softcapping";

    private static float[] Run(IModelFiles files, Action<string>? warn)
    {
        using TensorScope scope = TensorScope.Begin();
        using Model model = ModelFolder.Load(files, new LoadOptions { Warnings = warn is null ? null : new Reporter<string>(warn), MaximumBytes = 64 << 20 }).Model;
        TokenGrid ids = TokenGrid.Of([[5, 9, 2, 7, 3]]);
        ModelInputs inputs = new() { InputIds = ids, DecoderInputIds = model is SequenceToSequenceModel ? ids : null };
        return [.. OutputNames.Of(model, model.Run(inputs)).OrderBy(tensor => tensor.Key, StringComparer.Ordinal).SelectMany(tensor => tensor.Value.ToArray())];
    }
}
