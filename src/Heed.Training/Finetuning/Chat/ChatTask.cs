using System.Text.Json;
using System.Text.Json.Nodes;
using Heed.Models.Files;
using Heed.Training.Collators;

namespace Heed.Training.Finetuning;

/// <summary>Learning to answer as the assistant of conversations does.</summary>
internal sealed class ChatTask : WritingTask
{
    private readonly ChatData _data;

    /// <param name="model">A decoder.</param>
    /// <param name="data">The conversations.</param>
    /// <param name="settings">All decided.</param>
    public ChatTask(FinetuningModel model, ChatData data, FinetuningConfig settings)
        : base(model, data, settings, [.. data.TrainingChats.Select(c => Text(c, settings.MaximumLength))],
            [.. data.HeldOutChats.Select(c => Text(c, settings.MaximumLength))])
        => _data = data;

    /// <summary>Model, tokenizer, and the template with which it was trained; the end of a turn ends a text.</summary>
    /// <inheritdoc/>
    public override void Save(string folder)
    {
        base.Save(folder);
        if (_data.Form.Saved is { } template) DurableFile.WriteText(Path.Combine(folder, ChatForm.FileName), template);
        if (_data.Form.End is not { } token || Data.Tokenizer.TokenToId(token) is not { } end) return;
        string path = Path.Combine(folder, ModelFolder.GenerationConfigName);
        JsonObject settings = [];
        if (File.Exists(path))
        {
            using JsonDocument document = StrictJson.ReadFile(path, 16 << 20);
            settings = JsonObject.Create(document.RootElement.Clone()) ?? [];
        }

        SortedSet<int> ends = settings["eos_token_id"] switch
        {
            JsonArray many => [.. many.Select(e => e!.GetValue<int>())],
            JsonValue one => [one.GetValue<int>()],
            _ => Model.Config.EndId is { } own ? [own] : [],
        };
        if (!ends.Add(end)) return;
        settings["eos_token_id"] = new JsonArray([.. ends.Select(e => (JsonNode)e)]);
        DurableFile.WriteText(path, StrictJson.Format(settings));
    }

    /// <summary>A conversation within a length: its beginning stays.</summary>
    private static LearnedText Text(ChatTokens chat, int length) => new([.. chat.Ids.Take(length)], [.. chat.Labels.Take(length)]);
}
